async def test_pages(house):
    async with house.browser() as b:
        a = await b.get("/login"); assert a.status == 200, a.text
        a = await b.get("/admin/ranges"); assert (a.status, a.location) == (303, "/login"); print(a.cookies)
        a = await b.log_in("olga"); assert a.status == 303, a.text; assert a.location == "/admin/ranges"
        for p in ["/admin","/admin/people","/admin/bots","/admin/ranges","/admin/audit","/password","/api/admin/ranges", f"/admin/bots/{house.bots['shop'].id}", f"/admin/people/{house.cast['ann'].id}"]:
            a = await b.get(p); assert a.status == 200, a.text; print(p, a.words[:300])
